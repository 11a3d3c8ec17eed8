"""People and groups as a company's directory tells them (SCIM 2.0): joining, changing and, above all, leaving."""
