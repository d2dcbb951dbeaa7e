"""What the hub answers by HTTP: `app` takes releases in and shows the catalogue, `server` runs it."""
