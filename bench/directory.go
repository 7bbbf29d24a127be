package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"muster"
	"muster/directory"
	engine "muster/provision"
	"muster/store/postgres"
	"muster/store/sqlite"
)

// shape is a tree of departments: areas, of which each has so many divisions, and so on. Areas, divisions and units have names
// of their own; teams are called alike in every unit.
type shape struct{ areas, divisions, units, teams int }

// names of a path, all of them unique but for the team's.
func names(area, division, unit, team int) (paths [4]string) {
	paths[0] = fmt.Sprintf("Area %d", area)
	paths[1] = fmt.Sprintf("Division %d-%d", area, division)
	paths[2] = fmt.Sprintf("Unit %d-%d-%d", area, division, unit)
	paths[3] = fmt.Sprintf("Team %d", team)
	return paths
}

// paths lead to all teams, and so along all departments.
func (s shape) paths() []string {
	var paths []string
	for area := range s.areas {
		for division := range s.divisions {
			for unit := range s.units {
				for team := range s.teams {
					n := names(area, division, unit, team)
					paths = append(paths, n[0]+"/"+n[1]+"/"+n[2]+"/"+n[3])
				}
			}
		}
	}
	return paths
}

// fillStore is what fill needs of a store.
type fillStore interface {
	engine.Store
	directory.Store
	IDFloor(ctx context.Context) (muster.ID, error)
	Close() error
}

func (s *server) open(ctx context.Context) (fillStore, error) {
	if s.database != "" {
		return postgres.Open(ctx, s.b.pg.server.URL(s.database), postgres.Options{})
	}
	return sqlite.Open(ctx, s.data, sqlite.Options{})
}

// fill gives the tenant of an installation, whose server does not run, departments and users, spread over them at random. The
// users are planned and written as an administrator's calls are, a thousand at once.
func fill(ctx context.Context, at *server, tenant muster.ID, s shape, users int) (err error) {
	store, err := at.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	floor, err := store.IDFloor(ctx)
	if err != nil {
		return err
	}
	ids, err := muster.NewIDSource(0, floor, time.Now)
	if err != nil {
		return err
	}
	departments := &directory.Departments{Store: store, IDs: ids, Now: time.Now}
	var places []muster.ID
	for part := range slices.Chunk(s.paths(), directory.MaxImport) {
		made, err := departments.Import(ctx, tenant, muster.Actor{Level: muster.LevelSystemAdmin}, part)
		if err != nil {
			return err
		}
		for _, m := range made {
			places = append(places, m.Department)
		}
	}
	direct := engine.Direct{Store: store, Now: time.Now}
	for first := 0; first < users; first += batchSize {
		entries := make([]muster.Entry, min(batchSize, users-first))
		for i := range entries {
			if entries[i], err = someone(ids, first+i, places); err != nil {
				return err
			}
		}
		outcome, err := direct.ChangeTogether(ctx, tenant, entries)
		if err != nil {
			return err
		}
		if outcome.Result != muster.Succeeded {
			return fmt.Errorf("a user of the directory was not made: %s", outcome.Detail)
		}
	}
	return nil
}

func someone(ids *muster.IDSource, i int, places []muster.ID) (muster.Entry, error) {
	id, err := ids.Next()
	const spread = 7_919_999_983 // a prime, so that phones come in no order and none twice
	phone := "+" + strconv.FormatInt(10_000_000_000+int64(i)*spread%80_000_000_000, 10)
	mail := "someone-" + strconv.Itoa(i) + "@example.org"
	return muster.Entry{
		Action: muster.ActionCreate, Actor: muster.LevelSystemAdmin, NewID: id,
		Set: muster.FieldPhone | muster.FieldEmail | muster.FieldFirstName | muster.FieldSurname | muster.FieldDepartment,
		User: muster.User{
			Phone: phone, PhoneKey: phone, Email: mail, EmailKey: mail, FirstName: "Given" + strconv.Itoa(i),
			Surname: "Family" + strconv.Itoa(i%1000), Department: places[rand.IntN(len(places))],
		},
	}, err
}
