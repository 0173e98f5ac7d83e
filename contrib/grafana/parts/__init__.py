"""What the dashboards are made of: `panels` and `rules` are the same for all, a module for each source of data has its queries."""
