"""Who has which GPU when. The database refuses an overlap; these modules say why and to whom."""
