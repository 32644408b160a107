package geo

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestAngles: sine, cosine and arcsine are what correct rounding gives. Go's own are within a unit of the last place of
// that, and where values are exact they are exact.
func TestAngles(t *testing.T) {
	near := func(name string, x, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 2.3e-16*math.Max(math.Abs(want), 1e-3) {
			t.Errorf("%s of %g is %g, want about %g", name, x, got, want)
		}
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 50_000 {
		x := (rnd.Float64()*2 - 1) * 4.7 * math.Exp2(-float64(rnd.IntN(40)*rnd.IntN(2)))
		near("sine", x, sine(x), math.Sin(x))
		near("cosine", x, cosine(x), math.Cos(x))
		y := rnd.Float64()
		if a := arcsine(y); math.Abs(a-math.Asin(y)) > 4e-16*math.Max(1, 1/math.Sqrt(1-y)) {
			t.Errorf("arcsine of %g is %g, want about %g", y, a, math.Asin(y))
		}
		if a := arcsine(y); a < 0.7 && math.Abs(sine(a)-y) > 1.2e-16 {
			t.Errorf("the sine of the arcsine of %g is %g", y, sine(a))
		}
	}
	// Correctly rounded values, of which math.Sin and math.Cos miss some.
	for _, test := range []struct{ got, want float64 }{
		{sine(0), 0}, {cosine(0), 1}, {arcsine(0), 0}, {arcsine(1), math.Pi / 2}, {sine(0.5), 0.479425538604203}, {cosine(0.5), 0.8775825618903728},
		{arcsine(0.5), 0.5235987755982989}, {sine(3), 0.1411200080598672}, {cosine(3), -0.9899924966004454}, {arcsine(0.75), 0.848062078981481},
		{sine(1e-9), 1e-9}, {arcsine(1e-9), 1e-9}, {sine(-2), -0.9092974268256817},
	} {
		if test.got != test.want {
			t.Errorf("%.17g, want %.17g", test.got, test.want)
		}
	}
	if !math.IsNaN(arcsine(1.5)) || !math.IsNaN(arcsine(math.NaN())) {
		t.Error("the arcsine of what is no sine is a number")
	}
}

// TestPoints: a point's score gives a point less than a cell away, and its geohash.
func TestPoints(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		p := Point{rnd.Float64()*360 - 180, (rnd.Float64()*2 - 1) * MaxLat}
		q := PointOf(Score(p))
		if math.Abs(p.Lon-q.Lon) > 360.0/(1<<26) || math.Abs(p.Lat-q.Lat) > 2*MaxLat/(1<<26) {
			t.Fatalf("%v becomes %v", p, q)
		}
	}
	if got := string(Hash(Score(Point{13.361389, 38.115556}))); got != "sqc8b49rny0" {
		t.Errorf("Palermo is %s", got)
	}
	if got := Distance(PointOf(Score(Point{13.361389, 38.115556})), PointOf(Score(Point{15.087269, 37.502669}))); math.Abs(got-166274.1516) > 1e-4 {
		t.Errorf("from Palermo to Catania are %f", got)
	}
	for p, valid := range map[Point]bool{{180, MaxLat}: true, {-180, -MaxLat}: true, {180.0001, 0}: false, {0, 85.06}: false, {math.NaN(), 0}: false} {
		if p.Valid() != valid {
			t.Errorf("%v is valid: %v", p, !valid)
		}
	}
}

// TestCells: what is in a shape is in its cells, away from the poles and the ends of the map.
func TestCells(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	found := 0
	for range 4000 {
		s := Shape{Center: Point{rnd.Float64()*200 - 100, rnd.Float64()*120 - 60}, Unit: 1, Radius: math.Exp(rnd.Float64() * 12)}
		if rnd.IntN(2) == 0 {
			s.Box, s.Width, s.Height = true, s.Radius, s.Radius*rnd.Float64()
		}
		cells := s.Cells()
		for range 20 {
			p := Point{s.Center.Lon + rnd.NormFloat64()*s.Radius/1e5, s.Center.Lat + rnd.NormFloat64()*s.Radius/2e5}
			if !p.Valid() {
				continue
			}
			score := Score(p)
			if _, ok := s.Within(PointOf(score)); !ok {
				continue
			}
			found++
			inside := false
			for _, c := range cells {
				from, to := c.Scores()
				inside = inside || from <= score && score < to
			}
			if !inside {
				t.Fatalf("%v is in %+v, and in none of %v", p, s, cells)
			}
		}
	}
	if found < 10_000 {
		t.Errorf("only %d points were in a shape", found)
	}
}
