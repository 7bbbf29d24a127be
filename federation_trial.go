package muster

// FederatedUser is an element of createTask's federationUserList (federation contract, section 2), to see what would become of
// it. Fields that are nil are absent.
type FederatedUser struct {
	Action      string   `json:"action" doc:"CREATE, MODIFY or DISABLE"`
	UserAccount string   `json:"userAccount"`
	UserName    *string  `json:"userName,omitempty"`
	Email       *string  `json:"email,omitempty"`
	RoleIDs     []string `json:"roleIds,omitzero"`
}

// FederationTrial is what would become of a federated user.
type FederationTrial struct {
	Result  string      `json:"result" enum:"succeeded,failed,rejected" doc:"rejected: createTask would refuse the whole list"`
	User    *MappedUser `json:"user,omitempty" doc:"what the mapping rule makes of the row, where it makes something"`
	Reason  string      `json:"reason,omitempty" doc:"why the row fails"`
	Field   string      `json:"field,omitempty" doc:"what of the row is at fault or, with the reason mapping, of the mapping rule"`
	Detail  string      `json:"detail,omitempty" doc:"the reason in words, or what it is about: a role's id, characters"`
	Code    string      `json:"code,omitempty" doc:"failCode of queryTask, or resultCode of createTask where it is rejected"`
	Message string      `json:"message,omitempty" doc:"the code's message"`
}

// ResultRejected is the Result of a trial that createTask would reject.
const ResultRejected = "rejected"

// MappedUser is what a row would make of a user. Absent fields stay as they are.
type MappedUser struct {
	ID      ID      `json:"id,omitempty" doc:"of the user meant; absent if he is yet to be made"`
	Account string  `json:"userAccount"`
	Name    *string `json:"userName,omitempty"`
	Email   *string `json:"email,omitempty"`
	RoleIDs []ID    `json:"roleIds,omitzero"`
}
