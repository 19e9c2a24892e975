"""How soon and how surely the judge decides, measured on random traffic of known truth."""
