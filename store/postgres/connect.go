package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	defaultConnections = 16

	// connectTime bounds the attempt to connect to one host, so that the next of several has its turn.
	connectTime = 5 * time.Second
	// answerTime bounds the wait for an answer. It is longer than any that the server itself gives up after, and so tells of
	// a server that is frozen or cut off; the connection is given up with it.
	answerTime = 40 * time.Second

	oldestServer = 15
)

// settings are those of every transaction.
func settings() map[string]string {
	return map[string]string{
		// What was answered has reached the disk, and that of the synchronous standby if there is one.
		"synchronous_commit": "on",
		// The longest statement is the purge's or an Apply's, tens of milliseconds: what takes this long is stuck.
		"statement_timeout": "30s",
		// A node that stopped in the middle of a transaction (paused, cut off, or its machine gone) has the lock of a tenant.
		// The server ends its session, and what it did was never. Nothing of ours thinks for that long in a transaction.
		"idle_in_transaction_session_timeout": "10s",
		// Long enough for the lock of a node that stopped to be freed.
		"lock_timeout": "15s",
		// Every statement has an index that fits, and is to take it whatever the statistics say.
		"enable_seqscan":   "off",
		"enable_hashjoin":  "off",
		"enable_mergejoin": "off",
		"enable_material":  "off",
		// For statements whose plan is kept; a transaction in which there are others sets it anew.
		"plan_cache_mode": "auto",
		// It pays for itself in queries of seconds; the costs that enable_seqscan adds would have it compile short ones.
		"jit": "off",
	}
}

// configure reads the connection string and adds what every connection needs.
func configure(url string, o *Options) (*pgxpool.Config, error) {
	config, err := parse(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = int32(o.Connections)
	config.PingTimeout = connectTime
	config.AfterConnect = registerArrays
	config.MaxConnLifetimeJitter = config.MaxConnLifetime / 10
	c := config.ConnConfig
	c.DialFunc = asSessions(c.DialFunc)
	if o.Password != "" {
		c.Password = o.Password
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectTime
	}
	if c.ValidateConnect == nil { // the string says nothing of target_session_attrs
		c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "muster"
	}
	if o.Pooled {
		// Statements are not prepared on the server, where the next transaction may be on another connection; their
		// descriptions, which hold anywhere, are kept here.
		c.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
		return config, nil
	}
	maps.Copy(c.RuntimeParams, settings())
	return config, nil
}

// Name says which database a connection string leads to: host:port/database, of several hosts the first. It holds no
// password.
func Name(url string) (string, error) {
	config, err := parse(url)
	if err != nil {
		return "", err
	}
	c := config.ConnConfig
	return net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))) + "/" + cmp.Or(c.Database, c.User), nil
}

func parse(url string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("cannot parse the connection string: %s", withoutString(err))
	}
	return config, nil
}

// withoutString is what is wrong with a connection string, without that string. It is shown with its password masked, but who
// forgot to quote a space has the half of his password outside of it.
func withoutString(err error) string {
	const before = "`: "
	text := err.Error()
	if i := strings.LastIndex(text, before); i >= 0 {
		return text[i+len(before):]
	}
	return "a URL such as postgres://user@host:5432/database is accepted"
}

// localSettings is the statement that sets them for one transaction, where the connection is another's before and after.
func localSettings() string {
	all := settings()
	var calls []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		calls = append(calls, fmt.Sprintf("set_config('%s', '%s', true)", name, all[name]))
	}
	return "SELECT " + strings.Join(calls, ", ")
}

// ErrUnreachable says that there is no server at the address that can be written, or that it takes no connections now.
var ErrUnreachable = errors.New("the database cannot be reached")

var leadingNumber = regexp.MustCompile(`^[0-9]+`)

// checkServer refuses what Muster cannot work with. A server says both of itself when a connection is made.
func checkServer(ctx context.Context, pool *pgxpool.Pool) error {
	c, err := pool.Acquire(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case err != nil && (serverError(err) == nil || isTrouble(err)):
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	case err != nil:
		return err
	}
	defer c.Release()
	version := c.Conn().PgConn().ParameterStatus("server_version")
	if major, err := strconv.Atoi(leadingNumber.FindString(version)); err != nil || major < oldestServer {
		return fmt.Errorf("the server is PostgreSQL %q: version %d or newer is needed", version, oldestServer)
	}
	if encoding := c.Conn().PgConn().ParameterStatus("server_encoding"); encoding != "UTF8" {
		return fmt.Errorf("the database's encoding is %q: make one with ENCODING 'UTF8'", encoding)
	}
	return nil
}
