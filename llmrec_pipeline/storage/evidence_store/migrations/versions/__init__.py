"""The migrations, one module each, in one line from the empty database on; never changed once
released."""
