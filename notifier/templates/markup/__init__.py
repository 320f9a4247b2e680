"""What is made of the HTML of templates: MJML compiled, CSS written into elements, a plain text. Pure."""
