// Package geo is the geometry of Redis's GEO commands: points on a sphere as numbers of 52 bits, the scores of a sorted
// set, such that the points of a rectangle are a few ranges of scores. All is computed in Redis's own steps, for its
// answers show the last digit; and by operations that give the same bits on every processor.
package geo

import "math"

// The bounds of coordinates.
const (
	MaxLon = 180
	MaxLat = 85.05112878
)

// earthRadius is in metres.
const earthRadius = 6372797.560856

// Point is a place in degrees.
type Point struct{ Lon, Lat float64 }

// Valid reports whether a point has a score.
func (p Point) Valid() bool {
	return -MaxLon <= p.Lon && p.Lon <= MaxLon && -MaxLat <= p.Lat && p.Lat <= MaxLat
}

// maxStep is how many bits of each coordinate a score has.
const maxStep = 26

// Cell is a rectangle of a grid that has 2^Step columns and as many rows: its western and southern edges.
type Cell struct {
	Step     int
	lon, lat uint32
}

// cellOf returns the cell of a grid, over latitudes up to maxLat, that a point is in. A point on the last edge is in a
// cell behind it, as Redis has it.
func cellOf(p Point, step int, maxLat float64) Cell {
	scale := float64(uint64(1) << step)
	lat := (p.Lat + maxLat) / (maxLat + maxLat)
	lon := (p.Lon + MaxLon) / (MaxLon + MaxLon)
	return Cell{step, uint32(uint64(lon * scale)), uint32(uint64(lat * scale))}
}

// bits interleaves the bits of the edges; those of the latitude are the even ones.
func (c Cell) bits() uint64 { return spread(c.lat) | spread(c.lon)<<1 }

func spread(x uint32) uint64 {
	n := uint64(x)
	n = (n | n<<16) & 0x0000ffff0000ffff
	n = (n | n<<8) & 0x00ff00ff00ff00ff
	n = (n | n<<4) & 0x0f0f0f0f0f0f0f0f
	n = (n | n<<2) & 0x3333333333333333
	return (n | n<<1) & 0x5555555555555555
}

func gather(n uint64) uint32 {
	n &= 0x5555555555555555
	n = (n | n>>1) & 0x3333333333333333
	n = (n | n>>2) & 0x0f0f0f0f0f0f0f0f
	n = (n | n>>4) & 0x00ff00ff00ff00ff
	n = (n | n>>8) & 0x0000ffff0000ffff
	return uint32(n | n>>16)
}

// Scores returns the range [from, to) of the scores of the points in a cell.
func (c Cell) Scores() (from, to float64) {
	shift := 2 * (maxStep - c.Step)
	return float64(c.bits() << shift), float64((c.bits() + 1) << shift)
}

// edges are those of a cell.
type edges struct{ west, east, south, north float64 }

func (c Cell) edges() edges {
	scale := float64(uint64(1) << c.Step)
	lon := func(n uint32) float64 { return -MaxLon + float64(float64(n)/scale*(MaxLon+MaxLon)) }
	lat := func(n uint32) float64 { return -MaxLat + float64(float64(n)/scale*(MaxLat+MaxLat)) }
	return edges{lon(c.lon), lon(c.lon + 1), lat(c.lat), lat(c.lat + 1)}
}

// Score returns the score of a valid point.
func Score(p Point) float64 { return float64(cellOf(p, maxStep, MaxLat).bits()) }

// PointOf returns the point of a score: the middle of its cell. A score that no point has gives some point, as in
// Redis.
func PointOf(score float64) Point {
	bits := toBits(score)
	e := Cell{maxStep, gather(bits >> 1), gather(bits)}.edges()
	return Point{
		Lon: min(max((e.west+e.east)/2, -MaxLon), MaxLon),
		Lat: min(max((e.south+e.north)/2, -MaxLat), MaxLat),
	}
}

// toBits is the conversion to an unsigned integer of C on amd64, for scores out of range too.
func toBits(score float64) uint64 {
	switch {
	case score >= 1<<64:
		return 0
	case score >= 1<<63:
		return uint64(score-1<<63) ^ 1<<63
	case score >= -1<<63:
		return uint64(int64(score))
	}
	return 1 << 63
}

// hashDigits are the letters of a geohash.
const hashDigits = "0123456789bcdefghjkmnpqrstuvwxyz"

// Hash returns the geohash of a score: 11 letters, of which the last stands for bits that a score does not have.
func Hash(score float64) []byte {
	bits := cellOf(PointOf(score), maxStep, 90).bits()
	text := make([]byte, 0, 11)
	for shift := 52 - 5; shift > 0; shift -= 5 {
		text = append(text, hashDigits[bits>>shift&31])
	}
	return append(text, hashDigits[0])
}

const degree = math.Pi / 180

func radians(degrees float64) float64 { return float64(degrees * degree) }

// Distance returns the metres between two points.
func Distance(a, b Point) float64 {
	v := sine((radians(b.Lon) - radians(a.Lon)) / 2)
	if v == 0 {
		return latDistance(a.Lat, b.Lat)
	}
	u := sine((radians(b.Lat) - radians(a.Lat)) / 2)
	h := float64(u*u) + float64(float64(float64(cosine(radians(a.Lat))*cosine(radians(b.Lat)))*v)*v)
	return 2 * earthRadius * arcsine(math.Sqrt(h))
}

func latDistance(a, b float64) float64 { return earthRadius * math.Abs(radians(b)-radians(a)) }
