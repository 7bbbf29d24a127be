package federation

import (
	"cmp"
	"strings"

	"muster"
)

// The codes with which createTask rejects a call (federation contract, section 2).
const (
	codeListEmpty         = "100-102"
	codeListLong          = "100-103"
	codeAction            = "100-104"
	codeRolesMany         = "100-202"
	codeDisableSets       = "100-203"
	codeAccountEmpty      = "100-204"
	codeAccountLong       = "100-205"
	codeAccountCharacters = "100-207"
	codeRoleNumber        = "100-208"
	codeNameEmpty         = "100-209"
	codeNameCharacters    = "100-210"
	codeEmailEmpty        = "100-211"
	codeEmailCharacters   = "100-212"
	codeNameLong          = "100-213"
	codeEmailLong         = "100-214"
)

// sentences are the documented ones, with which resultMessage begins.
var sentences = map[string]string{
	codeListEmpty:         "The user management list is empty.",
	codeListLong:          "The number of users in the user management list exceeds 100.",
	codeAction:            "The value of Action must be CREATE, MODIFY, or DISABLE.",
	codeRolesMany:         "The length of roleIds exceeds the upper limit.",
	codeDisableSets:       "The userName, roleIds, or mail field is set for a disabled user.",
	codeAccountEmpty:      "The value of userAccount is empty or is an empty string.",
	codeAccountLong:       "The length of userAccount exceeds the upper limit.",
	codeAccountCharacters: "The value of userAccount contains special characters.",
	codeRoleNumber:        "The role ID is not a number.",
	codeNameEmpty:         "When action is set to CREATE, the value of userName is empty or is an empty string.",
	codeNameCharacters:    "The value of userName contains special characters.",
	codeEmailEmpty:        "The value of email is empty or is an empty string.",
	codeEmailCharacters:   "The value of email contains special characters.",
	codeNameLong:          "The length of userName exceeds the upper limit.",
	codeEmailLong:         "The length of email exceeds the upper limit.",
}

// fail is a line of the table of failCodes (federation contract, section 3): the documented sentence, whose braces are
// filled from the outcome.
type fail struct{ code, sentence string }

var (
	failParameter = fail{"60101040050", "The input parameter {param} is invalid. {desc}."}
	failInternal  = fail{"60101900002", "Internal system error. Reason: {detail}."}
)

// fails is what a row's reason becomes.
var fails = [...]fail{
	muster.ReasonNone:              failInternal,
	muster.ReasonExists:            {"60101000108", "The user already exists."},
	muster.ReasonNotFound:          {"60101060007", "The federated user does not exist."},
	muster.ReasonInvalid:           failParameter,
	muster.ReasonConflict:          failParameter,
	muster.ReasonNoSeat:            failParameter,
	muster.ReasonNoCapacity:        failParameter,
	muster.ReasonForbidden:         failParameter,
	muster.ReasonLastAdmin:         failParameter,
	muster.ReasonInternal:          failInternal,
	muster.ReasonCancelled:         failInternal,
	muster.ReasonRoleNotFound:      {"60101030013", "The transferred role ID {roleId} does not exist in the database."},
	muster.ReasonAccountLength:     {"60101020076", "The length of the account {loginId} does not meet the requirements."},
	muster.ReasonAccountCharacters: {"60101020085", "The account {loginId} contains invalid characters. Invalid characters: {invalidChars}."},
	muster.ReasonNotAdmitted:       {"60101060003", "The mapping fails."},
	muster.ReasonMapping:           {"60101000109", "Failed to map the input parameters to the federated user information."},
	muster.ReasonNoMapping:         {"60101000101", "Failed to obtain the federated user mapping rule."},
	muster.ReasonNoSystem:          {"60101000102", "Failed to obtain the third-party system ID."},
	muster.ReasonSourceUnreadable:  {"60101000100", "Failed to obtain user details."},
	muster.ReasonSourceEmpty:       {"60101000103", "The obtained user details are empty."},
	muster.ReasonSourceRoles:       {"60101000104", "Failed to invoke the sum interface to obtain user role information."},
	muster.ReasonSourceNoID:        {"60101000105", "The user ID obtained during user creation is empty."},
}

// failOf is the failCode and failMessage of a row that did not succeed.
func failOf(o *muster.Outcome) (code, message string) {
	line := failInternal
	if int(o.Reason) < len(fails) {
		line = fails[o.Reason]
	}
	detail := cmp.Or(o.Detail, "unknown")
	if o.Reason == muster.ReasonCancelled {
		detail = "cancelled"
	}
	clause := strings.TrimSuffix(detail, ".") // the documented sentence has its own full stop
	fill := strings.NewReplacer(
		"{param}", parameter(o.Field),
		"{desc}", clause,
		"{detail}", clause,
		"{loginId}", o.Subject,
		"{invalidChars}", detail,
		"{roleId}", detail,
	)
	return line.code, fill.Replace(line.sentence)
}

// parameter is the contract's name of a field. A fault of the user as a whole is one of his account.
func parameter(field string) string {
	switch field {
	case "", "account", "adminLevel":
		return fieldAccount
	case "displayName":
		return fieldName
	case "roles":
		return fieldRoles
	default:
		return field
	}
}
