"""What the judge says, kind by kind and verdict by verdict: docs/evidence.md is made from here."""
