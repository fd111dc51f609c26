"""One page of HTML about any set of runs, with its figures as files beside it.

`content` gathers what there is to say, `curves` joins the curves of a setting, `figures` draws,
`tables` and `page` write HTML. Matplotlib is imported nowhere else.
"""
