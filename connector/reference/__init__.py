"""The bundled reference CRM and reference ERP: real servers, apart from the engine."""
