//! Arrays on disk, used as if they were in memory.
