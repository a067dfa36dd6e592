"""What MkDocs runs to draw the pages: hooks, macros, plots, the glossary's tooltips."""
