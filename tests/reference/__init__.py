"""The reference of fields, reasons, conditions and metrics: docs/reference.md is made from here."""
