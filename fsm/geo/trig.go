package geo

import "math"

// Scores that GEORADIUS stores are distances, and must be the same on all replicas. math.Sin, Cos and Asin are not:
// on some processors the compiler fuses their multiplications and additions. So they are computed here in pairs of
// doubles, of which the second is what the first lacks, by operations that IEEE 754 fixes to the bit, and rounded once;
// that is what the C library does too, but for one in some thousand.

// pair is the sum of two doubles, the second below half a unit of the first's last place.
type pair struct{ hi, lo float64 }

func quickSum(a, b float64) pair {
	s := a + b
	return pair{s, b - (s - a)}
}

func exactSum(a, b float64) pair {
	s := a + b
	v := s - a
	return pair{s, (a - (s - v)) + (b - v)}
}

func exactProduct(a, b float64) pair {
	p := float64(a * b)
	return pair{p, math.FMA(a, b, -p)}
}

func (x pair) plus(y pair) pair {
	s, t := exactSum(x.hi, y.hi), exactSum(x.lo, y.lo)
	s = quickSum(s.hi, s.lo+t.hi)
	return quickSum(s.hi, s.lo+t.lo)
}

func (x pair) times(y pair) pair {
	p := exactProduct(x.hi, y.hi)
	return quickSum(p.hi, p.lo+(float64(x.hi*y.lo)+float64(x.lo*y.hi)))
}

func (x pair) over(d float64) pair {
	q := x.hi / d
	p := exactProduct(q, d)
	return quickSum(q, ((x.hi-p.hi)-p.lo+x.lo)/d)
}

func (x pair) negative() pair { return pair{-x.hi, -x.lo} }

// The first 161 bits of pi/2, in three doubles.
const (
	halfPi1 = 1.5707963267948966
	halfPi2 = 6.123233995736766e-17
	halfPi3 = -1.4973849048591833e-33
)

// sinCosPair returns sine and cosine of x, whose size is at most a few pi.
func sinCosPair(x float64) (sin, cos pair) {
	quarter := math.RoundToEven(x / halfPi1)
	r := exactProduct(quarter, halfPi1).negative().plus(pair{x, 0})
	r = r.plus(exactProduct(quarter, halfPi2).negative())
	r = r.plus(pair{float64(-quarter * halfPi3), 0})
	s, c := taylor(r, 1), taylor(r, 0)
	switch int(quarter) & 3 {
	case 1:
		return c, s.negative()
	case 2:
		return s.negative(), c.negative()
	case 3:
		return c.negative(), s
	}
	return s, c
}

// taylor sums the series of the sine, from degree 1, or of the cosine, from degree 0, of r, at most pi/4.
func taylor(r pair, degree int) pair {
	square := r.times(r).negative()
	term := pair{1, 0}
	if degree == 1 {
		term = r
	}
	sum := term
	for n := degree; n < 30; n += 2 {
		term = term.times(square).over(float64((n + 1) * (n + 2)))
		sum = sum.plus(term)
	}
	return sum
}

func sine(x float64) float64 {
	s, _ := sinCosPair(x)
	return s.hi + s.lo
}

func cosine(x float64) float64 {
	_, c := sinCosPair(x)
	return c.hi + c.lo
}

// arcsine returns the angle in [0, pi/2] whose sine is x in [0, 1]; NaN for a larger one.
func arcsine(x float64) float64 {
	switch {
	case x == 0 || math.IsNaN(x):
		return x
	case x > 1:
		return math.NaN()
	case x == 1:
		return halfPi1
	}
	if x > 0.7 {
		// asin(x) = pi/2 - 2 asin(sqrt((1-x)/2)), for the slope at 1 is steep.
		half := pair{(1 - x) / 2, 0} // exact, x being above a half
		root := math.Sqrt(half.hi)
		p := exactProduct(root, root)
		rest := pair{root, ((half.hi - p.hi) - p.lo) / (2 * root)}
		a := arcsinePair(quickSum(rest.hi, rest.lo))
		r := pair{halfPi1, halfPi2}.plus(pair{-2 * a.hi, -2 * a.lo})
		return r.hi + r.lo
	}
	a := arcsinePair(pair{x, 0})
	return a.hi + a.lo
}

// arcsinePair improves a first guess by Newton's step, whose error is the cube of the guess's.
func arcsinePair(x pair) pair {
	guess := guessArcsine(x.hi)
	sin, cos := sinCosPair(guess)
	miss := x.plus(sin.negative())
	step := miss.over(cos.hi)
	// The next term of the step is below 2^-100.
	return pair{guess, 0}.plus(step)
}

// guessArcsine returns the arcsine to some twelve digits, for x at most 0.71: by halving the angle three times, and the
// series.
func guessArcsine(x float64) float64 {
	times := 1.0
	for range 3 {
		// sin(a/2) = sqrt((1-cos a)/2) = sin a / sqrt(2 (1 + cos a))
		cos := math.Sqrt(1 - float64(x*x))
		x /= math.Sqrt(2 * (1 + cos))
		times *= 2
	}
	square := float64(x * x)
	sum, term := 0.0, x
	for n := 1; n < 22; n += 2 {
		sum += term / float64(n)
		term = float64(term*square) * float64(n) / float64(n+1)
	}
	return times * sum
}
