"""What is asked: where questions begin, who calls, what reaches a consumer, and the facts that come out."""
