"""What calls cost: receipts, the ledger and budgets. Internal: what is public is exported by `aurous`."""
