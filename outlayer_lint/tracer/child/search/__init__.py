"""An input that a model accepts: first guesses, tries, what failures tell, which of the accepted is right."""
