"""Whole lives of the product, played from one seed each: people, two systems, faults, crashes; then the laws."""
