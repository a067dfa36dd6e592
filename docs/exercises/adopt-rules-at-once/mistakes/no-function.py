"""A list of rules, and nobody who adopts them."""

adopt = ["drafted", "activated"]
