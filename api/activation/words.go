package activation

import (
	"cmp"
	"errors"
	"fmt"

	"muster"
	"muster/password"
)

// words are what the page says in one language.
type words struct {
	Language, Activate, Reset, Greeting, New, Repeat, Submit, Done, SignIn, Gone, AskAnew, Trouble, Again, Wait, Differ string

	accepted, refused string
	translated        bool
}

// tongues are in the order of the matcher's languages.
var tongues = [...]words{
	{
		Language: "en-US",
		Activate: "Activate your account", Reset: "Choose a new password", Greeting: "Hello",
		New: "New password", Repeat: "New password, once more", Submit: "Set the password",
		Done: "Your password is set", SignIn: "You can sign in with it now. This page can be closed.",
		Gone: "This link does not work", AskAnew: "It was used before, has expired, or was replaced by a newer one. Ask your administrator for a new link.",
		Trouble: "That did not work", Again: "Nothing was changed. Open the link again in a minute.",
		Wait:     "Too many links that do not work were tried from your network. Wait a minute, and open the link again.",
		Differ:   "The two passwords are not the same.",
		refused:  "The password is not accepted.",
		accepted: "%d to %d characters, with at least %d of these four: lower-case letters, upper-case letters, digits, symbols. Without your phone number, name or e-mail address.",
	},
	{
		Language: "zh-CN",
		Activate: "激活您的帐号", Reset: "设置新密码", Greeting: "您好",
		New: "新密码", Repeat: "再次输入新密码", Submit: "设置密码",
		Done: "密码已设置", SignIn: "您现在可以使用新密码登录。可以关闭本页面。",
		Gone: "此链接无效", AskAnew: "该链接已被使用、已过期或已被新链接取代。请向管理员索取新链接。",
		Trouble: "操作未成功", Again: "未作任何更改。请稍后重新打开该链接。",
		Wait:     "您的网络尝试了过多无效链接。请等待一分钟后重新打开该链接。",
		Differ:   "两次输入的密码不一致。",
		accepted: "%d 到 %d 个字符，至少包含以下四类中的 %d 类：小写字母、大写字母、数字、符号。不得包含您的手机号、姓名或邮箱地址。",
		refused:  "该密码不符合要求。", translated: true,
	},
}

// rule says which passwords the tenant accepts.
func (w *words) rule(r muster.PasswordRule) string {
	d := password.DefaultPolicy()
	minimum, maximum, classes := cmp.Or(r.MinLength, d.MinLength), cmp.Or(r.MaxLength, d.MaxLength), cmp.Or(r.MinClasses, d.MinClasses)
	return fmt.Sprintf(w.accepted, minimum, maximum, classes)
}

// fault says what is wrong with a password; where that is not translated, that something is, the rule standing beside it.
func (w *words) fault(err error) string {
	var refusal *muster.Error
	if w.translated || !errors.As(err, &refusal) {
		return w.refused
	}
	return refusal.Detail
}
