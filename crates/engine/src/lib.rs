//! Plans and runs passes over arrays on disk inside a memory budget.
