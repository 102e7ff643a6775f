"""The peers as processes of their own: each does the common work that ``work.py`` tells."""
