"""Where values come from: data sets and loaders, what transforms make of them, pipelines, tables."""
