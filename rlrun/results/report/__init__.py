"""An HTML page about any set of runs, and its figures as separate files.

`model` gathers the data, `curves` joins the curves of a variant, `layout` decides which figures
there are, `figures` and `effects` draw them, `canvas` styles and saves them, `tables` and `page`
write HTML. Matplotlib is imported nowhere else.
"""
