"""What every request passes through, from the outside in, before a route is looked for."""
