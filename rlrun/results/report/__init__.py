"""One page of HTML about any set of runs, with its figures as files beside it.

`model` gathers what there is to say, `curves` joins the curves of a variant, `layout` decides which
figures there are, `figures` draws them, `tables` and `page` write HTML. Matplotlib is imported
nowhere else.
"""
