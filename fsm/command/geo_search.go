package command

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"cairn/fsm/geo"
	"cairn/fsm/reply"
	"cairn/storage"
	"cairn/storage/zset"
)

func geoSearchRows() []Spec {
	const cost = "where N is the number of members in the squares around the area, and M that of those in the area"
	return []Spec{
		{Name: "geosearch", Summary: "Returns the members of a sorted set that are in a circle or a rectangle",
			Cost: cost, Exec: Read(raw, runGeoRead(geoForm{search: true}))},
		{Name: "geosearchstore", Summary: "Makes a sorted set of the members of another that are in a circle or a rectangle",
			Cost: cost, Exec: Write(raw, runGeoWrite(geoForm{search: true, store: true}))},
		{Name: "georadius", Summary: "Returns, or stores, the members of a sorted set that are in a circle",
			Cost: cost, Exec: Write(raw, runGeoWrite(geoForm{mayStore: true}))},
		{Name: "georadius_ro", Summary: "Returns the members of a sorted set that are in a circle",
			Cost: cost, Exec: Read(raw, runGeoRead(geoForm{}))},
		{Name: "georadiusbymember", Summary: "Returns, or stores, the members of a sorted set that are in a circle around one",
			Cost: cost, Exec: Write(raw, runGeoWrite(geoForm{member: true, mayStore: true}))},
		{Name: "georadiusbymember_ro", Summary: "Returns the members of a sorted set that are in a circle around one",
			Cost: cost, Exec: Read(raw, runGeoRead(geoForm{member: true}))},
	}
}

// geoForm is how a command of the family asks.
type geoForm struct {
	search   bool // GEOSEARCH: options say where and what
	store    bool // it stores
	member   bool // the centre is a member
	mayStore bool // an option says whether it stores
}

// geoQuery is what a call asks for. Its words are read with the sorted set at hand, as in Redis, for of several
// mistakes the first is answered.
type geoQuery struct {
	geoForm
	z     *zset.Set // empty when there is none
	shape geo.Shape

	withDist, withHash, withCoord   bool
	fromMember, fromPoint           bool
	byRadius, byBox                 bool
	any, sorted, descending, byDist bool // byDist: distances are stored as the scores
	count                           uint64
	into                            []byte
	storing                         bool
}

const (
	errNoMember reply.UserError = "ERR could not decode requested zset member"
	errGeoCount reply.UserError = "ERR COUNT must be > 0"
	errAny      reply.UserError = "ERR the ANY argument requires COUNT argument"
	errGeoStore reply.UserError = "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
	errGeoTo    reply.UserError = "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
)

// parseGeo reads a call.
func parseGeo(env Env, r storage.Reader, form geoForm, argv [][]byte) (q *geoQuery, err error) {
	q = &geoQuery{geoForm: form}
	args := argv[1:]
	if form.store {
		q.into, q.storing, args = argv[1], true, argv[2:]
	}
	if q.z, err = readZset(env, r, args[0]); err != nil {
		return nil, err
	}
	args, err = q.center(args[1:])
	for err == nil && len(args) > 0 {
		args, err = q.oneOption(args)
	}
	if err == nil {
		err = q.check(strings.ToUpper(string(argv[0]))) // Redis has it as it was typed, which nobody knows here
	}
	return q, err
}

// center reads what GEORADIUS and GEORADIUSBYMEMBER have before their options.
func (q *geoQuery) center(args [][]byte) (rest [][]byte, err error) {
	switch {
	case q.search:
		return args, nil
	case !q.member:
		if q.shape.Center, err = parsePoint(args); err != nil {
			return nil, err
		}
		args = args[2:]
	case q.z.Len() == 0:
		return args[3:], nil // what is asked for is nowhere, whatever the radius
	default:
		if err = q.centerAt(args[0]); err != nil {
			return nil, err
		}
		args = args[1:]
	}
	q.shape.Radius, q.shape.Unit, err = parseDistance(args)
	return args[2:], err
}

func (q *geoQuery) centerAt(member []byte) error {
	score, ok, err := q.z.Score(member)
	if err == nil && !ok {
		err = errNoMember
	}
	q.shape.Center = geo.PointOf(score)
	return err
}

// oneOption reads the first option of args and returns what is behind it.
func (q *geoQuery) oneOption(args [][]byte) (rest [][]byte, err error) {
	word, more := args[0], len(args)-1
	switch {
	case isWord(word, "WITHDIST"):
		q.withDist = true
	case isWord(word, "WITHHASH"):
		q.withHash = true
	case isWord(word, "WITHCOORD"):
		q.withCoord = true
	case isWord(word, "ANY"):
		q.any = true
	case isWord(word, "ASC"):
		q.sorted, q.descending = true, false
	case isWord(word, "DESC"):
		q.sorted, q.descending = true, true
	case isWord(word, "COUNT") && more > 0:
		n, err := parseInt64(args[1])
		if err == nil && n <= 0 {
			err = errGeoCount
		}
		q.count = uint64(n)
		return args[2:], err
	case q.mayStore && isWord(word, "STORE") && more > 0:
		q.into, q.storing, q.byDist = args[1], true, false
		return args[2:], nil
	case q.mayStore && isWord(word, "STOREDIST") && more > 0:
		q.into, q.storing, q.byDist = args[1], true, true
		return args[2:], nil
	case q.search:
		return q.searchOption(args)
	default:
		return nil, reply.ErrSyntax
	}
	return args[1:], nil
}

// searchOption reads an option that only GEOSEARCH and GEOSEARCHSTORE have.
func (q *geoQuery) searchOption(args [][]byte) (rest [][]byte, err error) {
	word, more := args[0], len(args)-1
	switch {
	case isWord(word, "FROMMEMBER") && more > 0 && !q.fromPoint:
		if q.fromMember = true; q.z.Len() > 0 {
			err = q.centerAt(args[1])
		}
		return args[2:], err
	case isWord(word, "FROMLONLAT") && more > 1 && !q.fromMember:
		q.fromPoint = true
		q.shape.Center, err = parsePoint(args[1:])
		return args[3:], err
	case isWord(word, "BYRADIUS") && more > 1 && !q.byBox:
		q.byRadius = true
		q.shape.Radius, q.shape.Unit, err = parseDistance(args[1:])
		return args[3:], err
	case isWord(word, "BYBOX") && more > 2 && !q.byRadius:
		q.byBox, q.shape.Box = true, true
		q.shape.Width, q.shape.Height, q.shape.Unit, err = parseBox(args[1:])
		return args[4:], err
	case q.store && isWord(word, "STOREDIST"):
		q.byDist = true
		return args[1:], nil
	}
	return nil, reply.ErrSyntax
}

// check looks at what options say together. name is the command's as the call has it.
func (q *geoQuery) check(name string) error {
	switch {
	case q.storing && (q.withDist || q.withHash || q.withCoord):
		if q.store {
			return errGeoTo
		}
		return errGeoStore
	case q.search && !q.fromMember && !q.fromPoint:
		return reply.Errorf("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for %s", name)
	case q.search && !q.byRadius && !q.byBox:
		return reply.Errorf("ERR exactly one of BYRADIUS and BYBOX can be specified for %s", name)
	case q.any && q.count == 0:
		return errAny
	}
	if q.count > 0 && !q.sorted && !q.any {
		q.sorted = true
	}
	return nil
}

// geoMatch is a member in the area.
type geoMatch struct {
	zset.Member
	at       geo.Point
	distance float64 // in units
}

// matches returns the members in the area, as many and in the order as they are asked for.
func (q *geoQuery) matches() (found []geoMatch, err error) {
	if q.z.Len() == 0 {
		return nil, nil
	}
	size := 0
	for _, cell := range q.shape.Cells() {
		if q.full(found) {
			break
		}
		from, below := cell.Scores()
		rank, err := q.z.Below(from, false)
		if err != nil {
			return nil, err
		}
		err = q.z.WalkRanks(rank, func(member []byte, score float64) (bool, error) {
			if score >= below {
				return false, nil
			}
			at := geo.PointOf(score)
			distance, ok := q.shape.Within(at)
			if !ok {
				return true, nil
			}
			if size += 2*elemBytes + len(member); size > maxReplyBytes || len(found) == maxAtOnce {
				return false, errAtOnce
			}
			found = append(found, geoMatch{zset.Member{Name: bytes.Clone(member), Score: score}, at, distance})
			return !q.full(found), nil
		})
		if err != nil {
			return nil, err
		}
	}
	if q.sorted {
		slices.SortStableFunc(found, func(a, b geoMatch) int {
			if q.descending {
				a, b = b, a
			}
			return cmp.Compare(a.distance, b.distance)
		})
	}
	if q.count > 0 && uint64(len(found)) > q.count {
		found = found[:q.count]
	}
	for i := range found {
		found[i].distance /= q.shape.Unit
	}
	return found, nil
}

// full reports whether an ANY has enough.
func (q *geoQuery) full(found []geoMatch) bool { return q.any && uint64(len(found)) >= q.count }

// shown answers with the members and what is wanted with them.
func (q *geoQuery) shown(found []geoMatch) reply.Reply {
	all := make([]reply.Reply, 0, len(found))
	for _, m := range found {
		about := []reply.Reply{reply.BulkBytes(m.Name)}
		if q.withDist {
			about = append(about, distanceReply(m.distance))
		}
		if q.withHash {
			about = append(about, reply.Int(int64(m.Score)))
		}
		if q.withCoord {
			about = append(about, pointReply(m.at))
		}
		if len(about) == 1 {
			all = append(all, about[0])
		} else {
			all = append(all, reply.ArrayOf(about...))
		}
	}
	return reply.ArrayOf(all...)
}

func runGeoRead(form geoForm) func(Env, storage.Reader, [][]byte) (reply.Reply, error) {
	return func(env Env, r storage.Reader, argv [][]byte) (reply.Reply, error) {
		q, err := parseGeo(env, r, form, argv)
		if err != nil {
			return reply.Reply{}, err
		}
		found, err := q.matches()
		return q.shown(found), err
	}
}

func runGeoWrite(form geoForm) func(Env, *storage.Txn, [][]byte) (reply.Reply, error) {
	return func(env Env, t *storage.Txn, argv [][]byte) (reply.Reply, error) {
		q, err := parseGeo(env, t, form, argv)
		if err != nil {
			return reply.Reply{}, err
		}
		found, err := q.matches()
		if err != nil || !q.storing {
			return q.shown(found), err
		}
		members := make([]zset.Member, 0, len(found))
		for _, m := range found {
			if q.byDist {
				m.Score = m.distance
			}
			members = append(members, m.Member)
		}
		return reply.Int(int64(len(members))), zset.Replace(t, env.DB, q.into, members, env.Version)
	}
}
