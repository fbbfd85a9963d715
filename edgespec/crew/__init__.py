"""Work that does not depend on other work, done side by side in processes of their own."""
