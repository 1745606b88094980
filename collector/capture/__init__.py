"""Where packets come from: capture files, standard input, the ring of a network card. All give `Batch`es."""
