"""Whether both arms are asked alike, on which every comparison with stable rests.

If pods export features, the share of each range and category of a feature is compared between the
arms, both ways. Null hypothesis: no share of either arm is beyond the other's tolerance. The bet is
a mixture over features, shares and directions, with F_i the factor of one of n in a look (see
kernel.py):

    S(k) = sum of (S_i(k - 1) + w_k / n) F_i,    w_k = 1 / (k (k + 1)).

It is worth no more than the weights laid, on average, so a worth of more than 1/2, which is laid at
the first look, is a reason for doubt: verdicts wait, because differences of inputs may show in the
answers before they are shown. A doubt alone holds nothing. The evidence that does is more cautious:

    E(k) = (E(k - 1) + w_k) min(R^(1/a), e^2),    R = S(k) / (S(k - 1) + w_k).

The expectation of R is at most 1, and so is that of R^(1/a) for a >= 1 that is known before the
look, and that of a minimum. All w_k together are 1, so E(k) + w_(k+1) + w_(k+2) + ... is a
non-negative supermartingale that starts at 1: P(E ever >= 1/alpha) <= alpha, over all looks, shares
and features. Weight is laid anew at each look, so a difference that begins late is found nearly as
soon as one from the start. To lower the bet, as is done above e^5, changes no R.

The cap of e^2 and the exponent are there because values are not independent. Values that arrive
together are similar, and the arms are scraped at different moments: it takes three looks or more
to show a difference. If stable's shares vary more from look to look than chance explains, gains of
a feature are divided by the median of the last nine looks. What that may miss is allowed for by a;
until three looks have shown it, a is infinite, and nothing is evidence.

What follows the inputs may differ by more than they do. A verdict against the candidate by that
alone does not count while a share differs at all, as a single test of all values shows, until each
share of the feature is shown to be tolerated. Since it only stops verdicts, it needs no budget.

Servers may count the inputs of a request only once it is answered. Of those that the candidate
failed nothing is known then (unanswered.py), so in F_i they are whatever makes it smallest. Unless
more are missing than that can tell, it is no greater than if they were known, and the bound stays.

Once a difference is shown, the evidence is dropped, which leaves a supermartingale, and the feature
is tested for the opposite until each of its shares is shown to be tolerated.
"""

from serinus.judge.inputs.comparing import compare_inputs, in_doubt, is_suspect
from serinus.judge.inputs.unanswered import Answers

__all__ = ["Answers", "compare_inputs", "in_doubt", "is_suspect"]
