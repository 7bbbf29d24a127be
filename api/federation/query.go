package federation

import (
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"muster"
	"muster/api/strictjson"
	"muster/provision"
)

// queried is queryTask's answer, in the order of the document's example.
type queried struct {
	FailDataList  []failData `json:"failDataList"`
	ResultCode    string     `json:"resultCode"`
	TaskInfo      taskInfo   `json:"taskInfo"`
	ResultMessage string     `json:"resultMessage"`
}

type taskInfo struct {
	Remark string `json:"remark"`
	Status string `json:"status"`
}

type failData struct {
	FederationUser federationUser `json:"federationUser"`
	FailCode       string         `json:"failCode"`
	FailMessage    string         `json:"failMessage"`
}

// federationUser is a row as it was sent, without the fields that were not.
type federationUser struct {
	Action      string   `json:"action"`
	UserName    *string  `json:"userName,omitzero"`
	UserAccount string   `json:"userAccount"`
	Email       *string  `json:"email,omitzero"`
	RoleIDs     []string `json:"roleIds,omitzero"` // nil is absent
}

// query is queryTask (federation contract, section 3).
func (h *Handler) query(w http.ResponseWriter, r *http.Request) (any, error) {
	caller, err := h.authenticate(r)
	if err != nil {
		return nil, err
	}
	body, err := h.readBody(w, r)
	if err != nil {
		return nil, err
	}
	task, err := decodeTask(body)
	switch {
	case err != nil:
		return nil, err
	case task == "":
		return nil, noTask("It is empty")
	}
	// Unknown, another tenant's and no id at all are the same bytes.
	id, err := muster.ParseID(task)
	if err != nil {
		return nil, noTask(unknownTask)
	}
	batch, failures, err := h.Engine.Failures(r.Context(), caller.Tenant, id, muster.ContractFederation, 0, maxUsers)
	switch {
	case muster.KindOf(err) == muster.KindNotFound:
		return nil, noTask(unknownTask)
	case err != nil:
		return nil, err
	}
	answer := queried{
		FailDataList: make([]failData, len(failures)), ResultCode: "0",
		TaskInfo: taskInfo{Status: statusOf(batch)}, ResultMessage: "The query is successful.",
	}
	for i := range failures {
		answer.FailDataList[i] = failDataOf(&failures[i])
	}
	return answer, nil
}

const unknownTask = "There is no such task"

// noTask refuses a taskId with the document's sentence.
func noTask(why string) error {
	code, message := failOf(&muster.Outcome{Reason: muster.ReasonInvalid, Field: "taskId", Detail: why})
	return &rejection{code, message}
}

func decodeTask(body []byte) (task string, err error) {
	d := strictjson.New(body, "a JSON object in UTF-8 that has taskId, a string")
	err = d.Document(func(name string) (err error) {
		switch {
		case name != "taskId", d.Kind() == jsontext.KindNull, d.Kind() == jsontext.KindInvalid:
			return d.Skip()
		case d.Kind() != jsontext.KindString:
			return strictjson.Errorf("taskId must be a string.")
		}
		task, err = d.String()
		return err
	})
	return task, err
}

func statusOf(b *muster.Batch) string {
	switch {
	case b.Finished():
		return "DONE"
	case b.Decided() > 0:
		return "DOING"
	default:
		return "TODO"
	}
}

func failDataOf(f *provision.Failure) failData {
	u := federationUser{Action: f.Row.Action.String(), UserAccount: f.Row.Account}
	if f.Row.Set.Has(muster.FieldDisplayName) {
		u.UserName = &f.Row.DisplayName
	}
	if f.Row.Set.Has(muster.FieldEmail) {
		u.Email = &f.Row.Email
	}
	if f.Row.Set.Has(muster.FieldRoles) {
		u.RoleIDs = append([]string{}, f.Row.Roles...)
	}
	code, message := failOf(&f.Outcome)
	return failData{FederationUser: u, FailCode: code, FailMessage: message}
}
