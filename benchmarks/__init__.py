"""Speed and memory of the connector, beside a bare loop in the same round."""
