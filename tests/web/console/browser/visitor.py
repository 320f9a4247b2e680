"""Opens pages of the console in the browser as somebody with a role."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from web.console.access.role import Role, User
from web.console.app import Console

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

WIDE, NARROW = (1280, 900), (390, 844)


@dataclass
class Opener:
    """`opener("/shards")` returns the page, in a new window without a session.

    `complaints` are what the browser's console said, dialogs, and requests that leave the console.
    """

    browser: "Browser"
    address: str
    console: Console
    complaints: list[str] = field(default_factory=list)
    _contexts: list["BrowserContext"] = field(default_factory=list)

    def __call__(
        self,
        path: str,
        role: Role | None = Role.ADMIN,
        size: tuple[int, int] = WIDE,
        scheme: Any = "light",
        *,
        scripts: bool = True,
    ) -> "Page":
        context = self.browser.new_context(
            base_url=self.address,
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            java_script_enabled=scripts,
        )
        context.set_default_timeout(30_000)
        self._contexts.append(context)
        if role is not None:
            authentication = self.console.authentication
            token, _ = authentication.sessions.open(User(f"the {role.label}", role, "test"))
            context.add_cookies([{"name": authentication.cookie.name, "value": token, "url": self.address}])
        context.on("request", lambda request: self._check(request.url))
        page = context.new_page()
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        page.goto(path)
        return page

    def close(self) -> None:
        for each in self._contexts:
            each.close()

    def _check(self, url: str) -> None:
        if not url.startswith((f"{self.address}/", "data:")):
            self.complaints.append(f"a request left: {url}")
