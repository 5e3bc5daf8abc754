"""From paths to documents: which files there are, their text, their trees and where things stand in them."""
