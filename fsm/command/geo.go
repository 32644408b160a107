package command

import (
	"bytes"
	"math"
	"slices"
	"strconv"

	"cairn/fsm/geo"
	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/layout"
	"cairn/storage/str"
	"cairn/storage/zset"
)

func geoRows() []Spec { return slices.Concat(geoPointRows(), geoSearchRows()) }

func geoPointRows() []Spec {
	return []Spec{
		{Name: "geoadd", Parts: located, PartName: layout.AppendMember, Summary: "Gives members of a sorted set their places on the globe and counts the new ones",
			Cost: "for each member, where N is the number of members", Exec: Write(parseGeoAdd, runZAdd)},
		{Name: "geopos", Summary: "Returns the longitudes and latitudes of members of a sorted set",
			Cost: "where N is the number of members that are asked for", Exec: Read(raw, runGeoPos)},
		{Name: "geohash", Summary: "Returns the geohashes of members of a sorted set",
			Cost: "for each member that is asked for", Exec: Read(raw, runGeoHash)},
		{Name: "geodist", Summary: "Returns the distance between two members of a sorted set", Exec: Read(parseGeoDist, runGeoDist)},
	}
}

// parseGeoAdd reads a GEOADD, which is a ZADD of the scores of places.
func parseGeoAdd(argv [][]byte) (zsetAdd, error) {
	p := zsetAdd{key: argv[1]}
	args := argv[2:]
	for len(args) > 0 && (isWord(args[0], "NX") || isWord(args[0], "XX") || isWord(args[0], "CH")) {
		p.option(args[0])
		args = args[1:]
	}
	if len(args)%3 != 0 || p.nx && p.xx {
		return p, reply.ErrSyntax
	}
	for ; len(args) > 0; args = args[3:] {
		place, err := parsePoint(args)
		if err != nil {
			return p, err
		}
		p.members = append(p.members, zset.Member{Name: args[2], Score: geo.Score(place)})
	}
	if len(p.members) == 0 {
		return p, reply.ErrSyntax
	}
	return p, nil
}

// parsePoint reads a longitude and a latitude.
func parsePoint(args [][]byte) (p geo.Point, err error) {
	if p.Lon, err = parseScore(args[0]); err == nil {
		p.Lat, err = parseScore(args[1])
	}
	if err == nil && !p.Valid() {
		err = reply.Errorf("ERR invalid longitude,latitude pair %s,%s", sixDecimals(p.Lon), sixDecimals(p.Lat))
	}
	return p, err
}

// sixDecimals is C's "%f".
func sixDecimals(f float64) []byte {
	if math.IsInf(f, 0) {
		return formatScore(f)
	}
	return strconv.AppendFloat(nil, f, 'f', 6, 64)
}

// pointReply answers with a longitude and a latitude.
func pointReply(p geo.Point) reply.Reply { return reply.ArrayOf(degrees(p.Lon), degrees(p.Lat)) }

// degrees is a floating point number with its own digits: 17 decimals without trailing zeros.
func degrees(f float64) reply.Reply {
	text := bytes.TrimRight(bytes.TrimRight(strconv.AppendFloat(nil, f, 'f', 17, 64), "0"), ".")
	if string(text) == "-0" {
		text = text[1:]
	}
	return reply.Reply{Kind: reply.Double, Float: f, Str: text}
}

func runGeoPos(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	return eachScore(env, r, argv, reply.NilArray(), func(score float64) reply.Reply { return pointReply(geo.PointOf(score)) })
}

func runGeoHash(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
	return eachScore(env, r, argv, reply.Nil(), func(score float64) reply.Reply { return reply.BulkBytes(geo.Hash(score)) })
}

// eachScore answers with what show makes of the score of each member that a call names, and with absent for others.
func eachScore(env Env, r storage.Reader, argv [][]byte, absent reply.Reply, show func(score float64) reply.Reply) (reply.Reply, error) {
	z, err := readZset(env, r, argv[1])
	if err != nil {
		return reply.Reply{}, err
	}
	found := make([]reply.Reply, 0, len(argv)-2)
	for _, member := range argv[2:] {
		score, ok, err := z.Score(member)
		switch {
		case err != nil:
			return reply.Reply{}, err
		case ok:
			found = append(found, show(score))
		default:
			found = append(found, absent)
		}
	}
	return reply.ArrayOf(found...), nil
}

const errUnit reply.UserError = "ERR unsupported unit provided. please use M, KM, FT, MI"

// parseUnit returns how many metres a unit has.
func parseUnit(arg []byte) (metres float64, err error) {
	switch {
	case isWord(arg, "M"):
		return 1, nil
	case isWord(arg, "KM"):
		return 1000, nil
	case isWord(arg, "FT"):
		return 0.3048, nil
	case isWord(arg, "MI"):
		return 1609.34, nil
	}
	return 0, errUnit
}

// geoDist is a parsed GEODIST.
type geoDist struct {
	key     []byte
	members [2][]byte
	unit    float64
}

func parseGeoDist(argv [][]byte) (p geoDist, err error) {
	p = geoDist{argv[1], [2][]byte{argv[2], argv[3]}, 1}
	switch {
	case len(argv) > 5:
		return p, reply.ErrSyntax
	case len(argv) == 5:
		p.unit, err = parseUnit(argv[4])
	}
	return p, err
}

func runGeoDist(env Env, r storage.Reader, p geoDist) (reply.Reply, error) {
	z, err := readZset(env, r, p.key)
	if err != nil {
		return reply.Reply{}, err
	}
	var points [2]geo.Point
	for i, member := range p.members {
		score, ok, err := z.Score(member)
		if err != nil || !ok {
			return reply.Nil(), err
		}
		points[i] = geo.PointOf(score)
	}
	return distanceReply(geo.Distance(points[0], points[1]) / p.unit), nil
}

func distanceReply(distance float64) reply.Reply {
	return reply.BulkBytes(strconv.AppendFloat(nil, distance, 'f', 4, 64))
}

// parseDistance reads a distance and its unit.
func parseDistance(args [][]byte) (distance, unit float64, err error) {
	if distance, err = parseLength(args[0], "radius"); err != nil {
		return 0, 0, err
	}
	if distance < 0 {
		return 0, 0, reply.UserError("ERR radius cannot be negative")
	}
	unit, err = parseUnit(args[1])
	return distance, unit, err
}

func parseLength(arg []byte, name string) (float64, error) {
	length, ok := str.ParseDouble(arg)
	if !ok {
		return 0, reply.Errorf("ERR need numeric %s", name)
	}
	return length, nil
}

// parseBox reads a width, a height and their unit.
func parseBox(args [][]byte) (width, height, unit float64, err error) {
	if width, err = parseLength(args[0], "width"); err == nil {
		height, err = parseLength(args[1], "height")
	}
	if err != nil {
		return 0, 0, 0, err
	}
	if width < 0 || height < 0 {
		return 0, 0, 0, reply.UserError("ERR height or width cannot be negative")
	}
	unit, err = parseUnit(args[2])
	return width, height, unit, err
}
