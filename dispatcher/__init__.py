"""The dispatcher's engine: matches customers who wait with agents who are able, inside Redis."""
