"""How a request over HTTP/2 can fail, by what is known of it."""


class NotConnected(Exception):
    """There is no connection: no byte of the request was sent."""


class NotProcessed(Exception):
    """The server has not processed the request: it says so, or the request did not leave as a whole."""


class AnswerLost(Exception):
    """The whole request was sent, and no answer came: the server may have processed it."""
