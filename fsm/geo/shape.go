package geo

import "math"

// Shape is an area around a point: a circle, or where Box is set, a rectangle.
type Shape struct {
	Center        Point
	Box           bool
	Radius        float64 // in units
	Width, Height float64
	Unit          float64 // metres
}

// Within returns how far a point is from the centre, in metres; ok is false when it is outside.
func (s *Shape) Within(p Point) (distance float64, ok bool) {
	if !s.Box {
		distance = Distance(s.Center, p)
		return distance, !(distance > s.Radius*s.Unit)
	}
	if latDistance(p.Lat, s.Center.Lat) > s.Height*s.Unit/2 ||
		Distance(p, Point{s.Center.Lon, p.Lat}) > s.Width*s.Unit/2 {
		return 0, false
	}
	return Distance(s.Center, p), true
}

// bounds returns a rectangle of degrees around the shape.
func (s *Shape) bounds() edges {
	height, width := s.Unit*s.Radius, s.Unit*s.Radius
	if s.Box {
		height, width = s.Unit*(s.Height/2), s.Unit*(s.Width/2)
	}
	lat := height / earthRadius / degree
	nearest := s.Center.Lat + lat // the edge at which a degree of longitude is shortest, or in the south longest
	if s.Center.Lat < 0 {
		nearest = s.Center.Lat - lat
	}
	lon := width / earthRadius / cosine(radians(nearest)) / degree
	return edges{s.Center.Lon - lon, s.Center.Lon + lon, s.Center.Lat - lat, s.Center.Lat + lat}
}

// mercatorMax is half of the equator in metres, as the map has it.
const mercatorMax = 20037726.37

// step returns how fine the grid is of which nine cells cover the shape, mostly.
func (s *Shape) step() int {
	size := s.Radius
	if s.Box {
		size = math.Sqrt(float64(s.Width/2*(s.Width/2)) + float64(s.Height/2*(s.Height/2)))
	}
	size *= s.Unit
	if size == 0 {
		return maxStep
	}
	step := -1
	for ; size < mercatorMax; size *= 2 {
		step++
	}
	switch lat := math.Abs(s.Center.Lat); {
	case lat > 80:
		step -= 2
	case lat > 66:
		step--
	}
	return min(max(step, 1), maxStep)
}

// around are the steps from a cell to those that are looked at, in Redis's order.
var around = [...]struct{ east, north int }{
	{0, 0}, {0, 1}, {0, -1}, {1, 0}, {-1, 0}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1},
}

// neighbour returns the cell so many columns and rows away; the grid has no ends.
func (c Cell) neighbour(east, north int) Cell {
	mask := uint32(1)<<c.Step - 1
	if east != 0 {
		c.lon = (c.lon + uint32(east)) & mask
	}
	if north != 0 {
		c.lat = (c.lat + uint32(north)) & mask
	}
	return c
}

// Cells returns cells that cover the shape, in the order in which Redis looks at them. On a coarse grid one may come
// several times, but not twice in a row.
func (s *Shape) Cells() []Cell {
	b := s.bounds()
	center := cellOf(s.Center, s.step(), MaxLat)
	if center.Step > 1 && (center.neighbour(0, 1).edges().north < b.north || center.neighbour(0, -1).edges().south > b.south ||
		center.neighbour(1, 0).edges().east < b.east || center.neighbour(-1, 0).edges().west > b.west) {
		center = cellOf(s.Center, center.Step-1, MaxLat)
	}
	own := center.edges()
	skip := func(east, north int) bool {
		return center.Step >= 2 && (north < 0 && own.south < b.south || north > 0 && own.north > b.north ||
			east < 0 && own.west < b.west || east > 0 && own.east > b.east)
	}
	cells := make([]Cell, 0, len(around))
	for i, to := range around {
		if skip(to.east, to.north) {
			continue
		}
		c := center.neighbour(to.east, to.north)
		if n := len(cells); n > 1 && i > 0 && cells[n-1].bits() == c.bits() {
			continue
		}
		cells = append(cells, c)
	}
	return cells
}
