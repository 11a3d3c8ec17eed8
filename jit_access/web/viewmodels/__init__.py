"""What each page shows, as frozen values. Templates loop and switch over these; all words are made here."""
