"""HTML from templates; whatever a text holds is shown as text."""

from jinja2 import Environment, PackageLoader, StrictUndefined

_TEMPLATES = Environment(
    loader=PackageLoader("helpers"),
    autoescape=True,
    undefined=StrictUndefined,
    keep_trailing_newline=True,
)


def render(template: str, **values: object) -> str:
    """Fill a template of helpers/templates; every value is escaped.

    Only what a template itself marks `safe` stays as it is: our own JavaScript and
    JSON in which no "<" is left.
    """
    return _TEMPLATES.get_template(template).render(**values)
