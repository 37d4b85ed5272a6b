"""A folder at dusk, every clip right at dawn: many paintings, planned, kept account of, and finished."""
