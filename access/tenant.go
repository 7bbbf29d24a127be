package access

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"

	"muster"
)

// NewTenant describes a tenant to be made. Ids that clients already hold can be brought along; zero ones are made.
type NewTenant struct {
	Name     string // 1 to 64 characters, without control characters and surrounding spaces; unique
	Host     string // by which its users reach it: a name of the DNS or an IP address, without port; unique, "" is none
	Settings muster.TenantSettings

	ID             muster.ID
	RootDepartment muster.ID
	AdminID        muster.ID
	AdminName      string // the administrator's first name, rules as for Name; "" is "Administrator"
}

// TenantChange says what to change of a tenant; nil leaves a part as it is.
type TenantChange struct {
	Name     *string
	Host     *string // "" takes it away
	Settings *muster.TenantSettings
}

// Bounds of a tenant's settings.
const (
	MaxName            = 64            // characters of a tenant's, administrator's or credential's name
	MaxUserLimit       = 1_000_000_000 // users
	MaxPersonalSpaceGB = 1 << 40       // GB
	MaxPasswordMinimum = 64            // characters that a tenant may demand; NIST SP 800-63B section 3.1.1.2 wants 64 to be allowed
	MaxPasswordLength  = 256           // characters
	passwordClasses    = 4             // lower, upper, digit, symbol

	// What zero stands for in a muster.PasswordRule (KooDrive contract, section 1).
	defaultMinLength = 8
	defaultMaxLength = 128
)

// CreateTenant stores a tenant with its root department and its first administrator, and returns both. An id that is
// brought along must not lie in the future, where ids to come would meet it.
func (s *Service) CreateTenant(ctx context.Context, n NewTenant) (*muster.Tenant, *muster.User, error) {
	n.AdminName = cmp.Or(n.AdminName, "Administrator")
	now := s.now()
	if err := n.check(now); err != nil {
		return nil, nil, err
	}
	const ids = 3
	first, err := s.IDs.Run(ids)
	if err != nil {
		return nil, nil, err
	}
	tenant := &muster.Tenant{
		ID:             cmp.Or(n.ID, first),
		Name:           n.Name,
		Host:           n.Host,
		RootDepartment: cmp.Or(n.RootDepartment, first+1),
		Settings:       n.Settings,
		CreatedAt:      now,
		KeyVersion:     muster.KeyVersion,
	}
	admin := &muster.User{
		ID:         cmp.Or(n.AdminID, first+2),
		FirstName:  n.AdminName,
		Level:      muster.LevelSystemAdmin,
		Department: tenant.RootDepartment,
		CreatedAt:  now,
		UpdatedAt:  now,
	}
	muster.AuditTenant(ctx, tenant.ID)
	if err := s.Store.CreateTenant(ctx, tenant, admin, first+ids-1); err != nil {
		return nil, nil, fmt.Errorf("create tenant: %w", err)
	}
	return tenant, admin, nil
}

// check puts the host into the form in which it is stored, too.
func (n *NewTenant) check(now time.Time) (err error) {
	if err := checkName("name", n.Name); err != nil {
		return err
	}
	if n.Host, err = checkHost(n.Host); err != nil {
		return err
	}
	if err := checkName("adminName", n.AdminName); err != nil {
		return err
	}
	for _, given := range []struct {
		field string
		id    muster.ID
	}{{"id", n.ID}, {"rootDepartmentId", n.RootDepartment}, {"adminId", n.AdminID}} {
		if err := checkBroughtID(given.field, given.id, now); err != nil {
			return err
		}
	}
	return checkSettings(&n.Settings)
}

// Tenants lists all tenants by id.
func (s *Service) Tenants(ctx context.Context) ([]muster.Tenant, error) {
	tenants, err := s.Store.Tenants(ctx)
	if err != nil {
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	return tenants, nil
}

// Tenant reads one tenant.
func (s *Service) Tenant(ctx context.Context, id muster.ID) (*muster.Tenant, error) {
	tenant, err := s.Store.Tenant(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read tenant: %w", err)
	}
	return tenant, nil
}

// TenantNamed reads one tenant by its name.
func (s *Service) TenantNamed(ctx context.Context, name string) (*muster.Tenant, error) {
	tenant, err := s.Store.TenantNamed(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("read tenant by name: %w", err)
	}
	return tenant, nil
}

// UpdateTenant changes a tenant's name, host or settings and returns what it is now. Of two changes at once to the same part
// the later wins.
func (s *Service) UpdateTenant(ctx context.Context, id muster.ID, change TenantChange) (*muster.Tenant, error) {
	tenant, err := s.Tenant(ctx, id)
	if err != nil {
		return nil, err
	}
	if change.Name != nil {
		tenant.Name = *change.Name
		if err := checkName("name", tenant.Name); err != nil {
			return nil, err
		}
	}
	if change.Host != nil {
		if tenant.Host, err = checkHost(*change.Host); err != nil {
			return nil, err
		}
	}
	if change.Settings != nil {
		tenant.Settings = *change.Settings
		if err := checkSettings(&tenant.Settings); err != nil {
			return nil, err
		}
	}
	if err := s.Store.UpdateTenant(ctx, tenant); err != nil {
		return nil, fmt.Errorf("update tenant: %w", err)
	}
	return tenant, nil
}

// Administrators lists the tenant's enabled system administrators by id, at most limit.
func (s *Service) Administrators(ctx context.Context, tenant muster.ID, limit int) ([]muster.User, error) {
	users, err := s.Store.Administrators(ctx, tenant, limit)
	if err != nil {
		return nil, fmt.Errorf("list administrators: %w", err)
	}
	return users, nil
}

// checkBroughtID refuses an id that is brought along and that ids to come would meet; 0 is none.
func checkBroughtID(field string, id muster.ID, now time.Time) error {
	if id < 0 || id.Time().After(now) {
		return invalid(field, "%s must be an id of the past: of 63 bits, with a time not after now.", field)
	}
	return nil
}

func checkName(field, name string) error {
	length := utf8.RuneCountInString(name)
	if length == 0 || length > MaxName || !utf8.ValidString(name) || name != strings.TrimSpace(name) ||
		strings.ContainsFunc(name, unicode.IsControl) {
		return invalid(field, "%s must be 1 to %d characters in UTF-8, without control characters or spaces around.", field, MaxName)
	}
	return nil
}

func checkSettings(s *muster.TenantSettings) error {
	if s.PhoneRegion != "" && !phonenumbers.GetSupportedRegions()[s.PhoneRegion] {
		return invalid("phoneRegion", "phoneRegion must be empty or the two capital letters of a region, such as DE or CN (ISO 3166-1).")
	}
	if s.UserLimit < 0 || s.UserLimit > MaxUserLimit {
		return invalid("userLimit", "userLimit must be from 1 to %d users, or 0 for no limit.", MaxUserLimit)
	}
	if s.PersonalSpaceGB < 0 || s.PersonalSpaceGB > MaxPersonalSpaceGB {
		return invalid("personalSpaceGB", "personalSpaceGB must be from 0 to %d GB.", int64(MaxPersonalSpaceGB))
	}
	return checkPasswordRule(s.Password)
}

func checkPasswordRule(r muster.PasswordRule) error {
	if r.MinLength < 0 || r.MinLength > MaxPasswordMinimum {
		return invalid("password.minLength", "password.minLength must be from 1 to %d characters, or 0 for %d.", MaxPasswordMinimum, defaultMinLength)
	}
	minimum := cmp.Or(r.MinLength, defaultMinLength)
	if maximum := cmp.Or(r.MaxLength, defaultMaxLength); maximum < minimum || maximum > MaxPasswordLength {
		return invalid("password.maxLength", "password.maxLength must be from the minimum, %d, to %d characters, or 0 for %d.",
			minimum, MaxPasswordLength, defaultMaxLength)
	}
	if r.MinClasses < 0 || r.MinClasses > passwordClasses {
		return invalid("password.minClasses", "password.minClasses must be from 1 to %d kinds of characters, or 0 for 3.", passwordClasses)
	}
	return nil
}

func invalid(field, format string, args ...any) error {
	return &muster.Error{Kind: muster.KindInvalid, Field: field, Detail: fmt.Sprintf(format, args...)}
}
