"""The figures of the page: each file draws what one part of a report holds, with its table and its words."""
