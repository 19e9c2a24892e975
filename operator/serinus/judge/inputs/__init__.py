"""Whether both arms are asked alike, on which every comparison with stable rests.

If pods export features, the share of each range and category of a feature is compared between the
arms, both ways. Null hypothesis: no share of either arm is beyond the other's tolerance. With F the
factor of a look for one share and direction (see kernel.py), the evidence after look k is

    E(k) = min(sum over shares and directions of (E_i(k - 1) + w_k / n) F_i, e^2 (E(k - 1) + w_k)),
    w_k = 1 / (k (k + 1)).

All w_k together are 1, so E(k) + w_(k+1) + w_(k+2) + ... is a non-negative supermartingale that
starts at 1: P(E ever >= 1/alpha) <= alpha, over all looks, shares and features. Weight is laid anew
at each look, so a difference that begins late is found nearly as soon as one from the start. A look
adds at most a factor of e^2, because values that arrive together are similar and the arms are
scraped at different moments: it takes three looks to show a difference.

Values that arrive together, such as the rows of one request, also make shares vary more than chance
explains. If those of stable did so from look to look, the median of the last nine looks says how
much, and gains are divided by it. Only earlier looks count, and E^(1/d) keeps to the bound for any
d >= 1 that is known beforehand.

Differences of inputs may show in the answers first. So verdicts wait at the first look, and while
recent looks speak for a difference (the doubt), which is no evidence and holds nothing.

Once it is shown, the evidence is dropped, which leaves a supermartingale, and the feature is tested
for the opposite until each of its shares is shown to be tolerated.
"""

from serinus.judge.inputs.comparing import compare_inputs, is_suspect

__all__ = ["compare_inputs", "is_suspect"]
