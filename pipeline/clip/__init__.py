"""Work that survives a crash: one clip and the store of its finished frames."""
