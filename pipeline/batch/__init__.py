"""Folders of clips and pictures, painted unattended: planned, recorded in a ledger, shared among workers."""
