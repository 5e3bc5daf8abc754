"""What a script leans on and a sandbox does not have: packages, files, data sets, environments, options."""
