//! What the description of every API has in common: who may ask, and how it says no.

use utoipa::PartialSchema;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::schema::{Object, SchemaType, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Required, ResponseBuilder, Schema, SecurityRequirement, Server};

use crate::Problem;
use crate::access::COOKIE;

const ABOUT: &str = "Every watt, attributed. Requests from the machine it runs on are let in; from others it wants a bearer token \
(`wattribute token create`) or the cookie of a login (`/login`), for everything but `/health`. What is wrong is answered with \
`application/problem+json` (RFC 9457).";
const REFUSED: &str = "The request is wrong. 400 cannot be read; 401 no token or an unknown one (`WWW-Authenticate`); 403 a token of another \
scope, or a page of another origin; 404 nothing there; 405 another method (`Allow`); 409 not as things are; 413 longer than 1 MiB; 415 no JSON; \
421 a name that is not ours; 422 a parameter or field, which is named; 429 too often (`Retry-After`, s)";
const FAILED: &str =
    "It cannot be answered now: 500 a bug, which the log tells of; 503 the store cannot be used, or it took longer than 30 s";

/// The description with its title, with who may ask, and with the problems that any operation may answer.
pub fn described(mut api: OpenApi, service: &str) -> OpenApi {
    api.info.title = format!("Wattribute: {service}");
    api.info.description = Some(ABOUT.to_owned());
    api.info.version = env!("CARGO_PKG_VERSION").to_owned();
    // Relative to where the description is: a proxy may have put a path before it.
    api.servers = Some(vec![Server::new(".")]);
    let components = api.components.get_or_insert_default();
    components.add_security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    components.add_security_scheme("login", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(COOKIE))));
    components.schemas.entry("Problem".to_owned()).or_insert_with(Problem::schema);
    components.responses.insert("Refused".to_owned(), problem(REFUSED));
    components.responses.insert("Failed".to_owned(), problem(FAILED));
    let open = SecurityRequirement::default;
    let named = |scheme: &str| SecurityRequirement::new::<_, [&str; 0], &str>(scheme, []);
    api.security = Some(vec![open(), named("token"), named("login")]);
    for (path, item) in &mut api.paths.paths {
        let is_open = path == "/health" || path.starts_with("/health/");
        for operation in operations(item) {
            for parameter in operation.parameters.iter_mut().flatten() {
                if let RefOr::T(parameter) = parameter {
                    place(parameter, path);
                }
            }
            let responses = &mut operation.responses.responses;
            responses.entry("4XX".to_owned()).or_insert_with(|| RefOr::Ref(Ref::from_response_name("Refused")));
            responses.entry("5XX".to_owned()).or_insert_with(|| RefOr::Ref(Ref::from_response_name("Failed")));
            for response in responses.values_mut() {
                if let RefOr::T(response) = response
                    && response.description.is_empty()
                {
                    // OpenAPI wants one.
                    response.description = "What was asked for".to_owned();
                }
            }
            if is_open {
                operation.security = Some(vec![open()]);
            }
        }
    }
    api
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, options, head, patch, trace, .. } = item;
    [get, put, post, delete, options, head, patch, trace].into_iter().flatten()
}

fn problem(what: &str) -> RefOr<utoipa::openapi::Response> {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    RefOr::T(ResponseBuilder::new().description(what).content("application/problem+json", content).build())
}

/// A parameter that the path does not name is one of the query. There, what may be missing is missing: nobody writes `null` in an address.
fn place(parameter: &mut Parameter, path: &str) {
    if parameter.parameter_in == ParameterIn::Path && !path.contains(&format!("{{{}}}", parameter.name)) {
        parameter.parameter_in = ParameterIn::Query;
    }
    if let Some(RefOr::T(Schema::AllOf(all))) = &mut parameter.schema
        && let [RefOr::T(Schema::Object(kind)), RefOr::T(Schema::Object(more))] = all.items.as_mut_slice()
    {
        // A default beside an inlined type: one schema, or generated clients take it for a type that nothing meets.
        kind.default = more.default.take();
        parameter.schema = Some(RefOr::T(Schema::Object(std::mem::take(kind))));
    }
    let Some(RefOr::T(schema)) = parameter.schema.as_mut().filter(|_| parameter.parameter_in == ParameterIn::Query) else { return };
    let is_null =
        |schema: &RefOr<Schema>| matches!(schema, RefOr::T(Schema::Object(one)) if one.schema_type == SchemaType::Type(Type::Null));
    let mut only = None;
    match schema {
        Schema::Object(Object { schema_type: SchemaType::Array(types), enum_values, .. }) if types.contains(&Type::Null) => {
            types.retain(|kind| *kind != Type::Null);
            enum_values.iter_mut().for_each(|values| values.retain(|value| !value.is_null()));
        }
        Schema::OneOf(one_of) if one_of.items.iter().any(is_null) => {
            one_of.items.retain(|schema| !is_null(schema));
            only = if one_of.items.len() == 1 { one_of.items.pop() } else { None };
        }
        _ => return,
    }
    if let Schema::Object(Object { schema_type, .. }) = schema
        && let SchemaType::Array(types) = schema_type
        && let [only] = types.as_slice()
    {
        *schema_type = SchemaType::Type(only.clone());
    }
    parameter.required = Required::False;
    if only.is_some() {
        parameter.schema = only;
    }
}
